"""The flags of podman 5.4.2, as its --help lists them: each is known."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli import create_flags, main

PODMAN = {
    "run": """
        -P -a --add-host --annotation --arch --attach --authfile --blkio-weight --blkio-weight-device -c
        --cap-add --cap-drop --cgroup-conf --cgroup-parent --cgroupns --cgroups --chrootdirs --cidfile
        --conmon-pidfile --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus
        --cpuset-cpus --cpuset-mems -d --decryption-key --detach --detach-keys --device --device-cgroup-rule
        --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust
        --dns --dns-option --dns-search -e --entrypoint --env --env-file --env-host --env-merge --expose
        --gidmap --gpus --group-add --group-entry -h --health-cmd --health-interval --health-log-destination
        --health-max-log-count --health-max-log-size --health-on-failure --health-retries --health-start-period
        --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success
        --health-startup-timeout --health-timeout --help --hostname --hosts-file --hostuser --http-proxy -i
        --image-volume --init --init-path --interactive --ip --ip6 --ipc -l --label --label-file --log-driver
        --log-opt -m --mac-address --memory --memory-reservation --memory-swap --memory-swappiness --mount
        --name --network --network-alias --no-healthcheck --no-hostname --no-hosts --oom-kill-disable
        --oom-score-adj --os -p --passwd --passwd-entry --personality --pid --pidfile --pids-limit --platform
        --pod --pod-id-file --preserve-fd --preserve-fds --privileged --publish --publish-all --pull -q --quiet
        --rdt-class --read-only --read-only-tmpfs --replace --requires --restart --retry --retry-delay --rm
        --rmi --rootfs --sdnotify --seccomp-policy --secret --security-opt --shm-size --shm-size-systemd
        --sig-proxy --stop-signal --stop-timeout --subgidname --subuidname --sysctl --systemd -t --timeout
        --tls-verify --tmpfs --tty --tz -u --uidmap --ulimit --umask --unsetenv --unsetenv-all --user --userns
        --uts -v --variant --volume --volumes-from -w --workdir
    """,
    "create": """
        -P -a --add-host --annotation --arch --attach --authfile --blkio-weight --blkio-weight-device -c
        --cap-add --cap-drop --cgroup-conf --cgroup-parent --cgroupns --cgroups --chrootdirs --cidfile
        --conmon-pidfile --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus
        --cpuset-cpus --cpuset-mems --decryption-key --device --device-cgroup-rule --device-read-bps
        --device-read-iops --device-write-bps --device-write-iops --disable-content-trust --dns --dns-option
        --dns-search -e --entrypoint --env --env-file --env-host --env-merge --expose --gidmap --gpus
        --group-add --group-entry -h --health-cmd --health-interval --health-log-destination
        --health-max-log-count --health-max-log-size --health-on-failure --health-retries --health-start-period
        --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success
        --health-startup-timeout --health-timeout --help --hostname --hosts-file --hostuser --http-proxy -i
        --image-volume --init --init-ctr --init-path --interactive --ip --ip6 --ipc -l --label --label-file
        --log-driver --log-opt -m --mac-address --memory --memory-reservation --memory-swap --memory-swappiness
        --mount --name --network --network-alias --no-healthcheck --no-hostname --no-hosts --oom-kill-disable
        --oom-score-adj --os -p --passwd-entry --personality --pid --pidfile --pids-limit --platform --pod
        --pod-id-file --privileged --publish --publish-all --pull -q --quiet --rdt-class --read-only
        --read-only-tmpfs --replace --requires --restart --retry --retry-delay --rm --rootfs --sdnotify
        --seccomp-policy --secret --security-opt --shm-size --shm-size-systemd --stop-signal --stop-timeout
        --subgidname --subuidname --sysctl --systemd -t --timeout --tls-verify --tmpfs --tty --tz -u --uidmap
        --ulimit --umask --unsetenv --unsetenv-all --user --userns --uts -v --variant --volume --volumes-from -w
        --workdir
    """,
    "ps": """
        -a --all --external -f --filter --format -l --last --latest -n --no-trunc --noheading --ns -p --pod -q
        --quiet -s --size --sort --sync -w --watch
    """,
    "inspect": """
        -f --format -l --latest -s --size -t --type
    """,
    "exec": """
        -d --detach --detach-keys -e --env --env-file -i --interactive -l --latest --preserve-fd --preserve-fds
        --privileged -t --tty -u --user -w --workdir
    """,
    "logs": """
        --color -f --follow -l --latest -n --names --since -t --tail --timestamps --until
    """,
    "top": """
        -l --latest
    """,
    "stats": """
        -a --all --format -i --interval -l --latest --no-reset --no-stream --no-trunc
    """,
    "port": """
        -a --all -l --latest
    """,
    "wait": """
        --condition -i --ignore --interval -l --latest
    """,
    "update": """
        --blkio-weight --blkio-weight-device -c --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime
        --cpu-shares --cpus --cpuset-cpus --cpuset-mems --device-read-bps --device-read-iops --device-write-bps
        --device-write-iops --health-cmd --health-interval --health-log-destination --health-max-log-count
        --health-max-log-size --health-on-failure --health-retries --health-start-period --health-startup-cmd
        --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout
        --health-timeout -m --memory --memory-reservation --memory-swap --memory-swappiness --no-healthcheck
        --pids-limit --restart
    """,
    "diff": """
        --format -l --latest
    """,
    "events": """
        -f --filter --format --no-trunc --since --stream --until
    """,
    "info": """
        -f --format
    """,
    "version": """
        -f --format
    """,
}


@pytest.mark.parametrize("verb", sorted(PODMAN))
def test_flags(verb: str) -> None:
    assert set(PODMAN[verb].split()) - set(main._parser(verb).flags()) == set()


def test_what_is_refused_says_why() -> None:
    """Flags of run and create that are known and cannot be had."""
    assert {f"--{key}" for key in create_flags.REFUSED} <= set(main._parser("run").flags())
    assert all(len(why) > 20 for why in create_flags.REFUSED.values())
