#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containers
short_description: Make many containers what they should be, in one task
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Takes a list of what M(daemonless.oci.container) takes, looks at all of them at once, and works on those that
    differ, several at a time.
  - The whole list is read, and every container of it planned, before anything is done. A mistake in the last entry
    stops the task before the first container is touched.
  - Images are pulled first; when one cannot be had, no container is touched. Then what O(purge) names is removed. Then
    the containers are made, changed, started, stopped or removed, each after those that it refers to (the network, the
    process ids or the volumes of another, for instance).
  - When one of them fails, the others go on, except those that refer to it. The task then fails, and says what became
    of each.
extends_documentation_fragment:
  - daemonless.oci.attributes
options:
  containers:
    description:
      - The containers. Each entry has the options of M(daemonless.oci.container), with the same meaning, aliases and
        defaults; C(name) is required. An option that does not exist is an error.
    type: list
    elements: dict
    required: true
  purge:
    description:
      - A label, C(key) or C(key=value). Every container of the list gets it, and containers that carry it and are no
        longer in the list are removed. Their named volumes stay.
      - Give each list a label of its own, C(app=shop) for instance. Containers without the label are never touched.
    type: str
  parallel:
    description:
      - How many images are pulled, and how many containers worked on, at once.
    type: int
    default: 4
seealso:
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: A shop of three containers, and nothing else that belongs to it
  daemonless.oci.containers:
    purge: app=shop
    containers:
      - name: shop-db
        image: quay.io/libpod/alpine:latest
        command: [sleep, "1000"]
        volumes: ["shop-data:/data"]
        memory: 64m
      - name: shop-web
        image: quay.io/libpod/alpine:latest
        command: [httpd, -f, -p, "80"]
        ports: ["127.0.0.1:8088:80"]
      - name: shop-watch
        image: quay.io/libpod/alpine:latest
        command: [sleep, "1000"]
        network: ["container:shop-web"]

- name: Stop one, remove another
  daemonless.oci.containers:
    containers:
      - name: shop-db
        state: stopped
      - name: shop-watch
        state: absent
"""

RETURN = r"""
containers:
  description: The containers of the list that exist, each as C(podman inspect) would show it, in the order of the list.
  returned: always
  type: list
  elements: dict
  sample: [{"Name": "shop-web", "State": {"Status": "running"}}]
results:
  description: What became of each container, in the order of the list, and after them those that were purged.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the container.
      type: str
      sample: shop-web
    changed:
      description: Whether it was changed, or would be in check mode.
      type: bool
      sample: true
    actions:
      description: What was done, or would be.
      type: list
      elements: str
      sample: ["created shop-web", "started shop-web"]
    failed:
      description: Whether it failed or was not tried because of another one that did.
      type: bool
      sample: false
    msg:
      description: Why it failed.
      type: str
    error:
      description: Kind of the error, V(NotTried) when another one is to blame.
      type: str
    rc:
      description: Exit code, with C(detach=false).
      type: int
actions:
  description: What was done, or would be done in check mode, one line each.
  returned: always
  type: list
  elements: str
  sample: ["created shop-web", "started shop-web"]
podman_actions:
  description: The podman commands that do the same. None of them is run.
  returned: always
  type: list
  elements: str
error:
  description: Kind of the error that stopped the task before anything was done.
  returned: failure
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("containers")


if __name__ == "__main__":
    main()
