# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the collection; galaxy.yml says the same, which a test holds."""

from __future__ import annotations

VERSION = "0.1.0"
