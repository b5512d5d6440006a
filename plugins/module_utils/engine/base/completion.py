# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bash runs to complete the command: it asks the command itself, by words that end where the cursor is."""

from __future__ import annotations

# Bash parts words at : and = as well, and replaces only the last part; names of images are full of both.
BASH = """\
# bash completion for daemonless; for docker too where that is an alias of it: complete -F _daemonless docker
_daemonless() {
    local program=$1 line=${COMP_LINE:0:COMP_POINT} whole part
    local -a words
    [[ $program == */* ]] || program=daemonless
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    mapfile -t COMPREPLY < <(command "$program" __complete "${words[@]:1}" 2>/dev/null)
    whole=${words[${#words[@]} - 1]}
    part=${whole##*[:=]}
    whole=${whole%"$part"}
    COMPREPLY=("${COMPREPLY[@]#"$whole"}")
}
complete -o bashdefault -o default -F _daemonless daemonless
"""
