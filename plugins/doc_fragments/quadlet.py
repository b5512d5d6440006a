# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  quadlet_dir:
    description:
      - Directory of the unit file that O(state=quadlet) writes, C(/etc/containers/systemd) by default, or
        C(~/.config/containers/systemd) of a plain user.
      - With O(state=absent) the unit file there is removed as well.
    type: path
  quadlet_filename:
    description:
      - Name of the unit file, with or without its suffix; the name of the object by default.
      - With O(state=absent) the unit file of that name is removed as well.
    type: str
  quadlet_file_mode:
    description:
      - Mode of the unit file, octal, as in V('0640'), which is that of a new one. The mode of one that exists is left
        alone by default.
    type: raw
  quadlet_options:
    description:
      - Further lines for the unit file, each as C(KEY=VALUE), or a whole section that begins with its C([NAME]).
    type: list
    elements: str
notes:
  - Services come of the unit files of O(state=quadlet) by podman's generator, at boot and at C(systemctl
    daemon-reload). The module writes the file and does nothing else. Where podman is not on the host, a warning says
    that nothing comes of it.
"""
