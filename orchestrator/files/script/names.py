"""Programs that no job needs, by the rule that each breaks."""

import re

_RULES = {
    "network": "curl wget wget2 aria2c axel nc ncat netcat socat telnet ssh scp sftp "
    "ftp tftp lftp nmap slogin rsh rlogin autossh sshfs ngrok mosh nslookup dig",
    "privilege": "sudo sudoedit su doas pkexec chown setcap passwd chpasswd useradd "
    "usermod userdel groupadd visudo runuser newgrp capsh setpriv",
    "container": "docker podman nerdctl ctr crictl runc crun kubectl nsenter unshare "
    "chroot pivot_root umount lxc lxc-attach systemd-nspawn",
    "kernel": "modprobe insmod rmmod iptables ip6tables nft nftables ebtables kexec "
    "reboot shutdown halt poweroff init telinit bpftool swapoff swapon",
    "destructive": "wipefs fdisk sfdisk cfdisk parted sgdisk mkswap blkdiscard",
    "persistence": "crontab at batch atd systemctl service systemd-run loginctl "
    "chkconfig update-rc.d",
    "stress": "stress stress-ng",
    "miner": "xmrig minerd cpuminer ethminer cgminer bfgminer nbminer t-rex "
    "phoenixminer lolMiner xmr-stak ccminer",
}
BY_NAME = {
    name: f"{subject}.{name}"
    for subject, names in _RULES.items()
    for name in names.split()
}
_FAMILIES = (
    (re.compile(r"mkfs(\..+)?"), "destructive.mkfs"),
    (re.compile(r"xmrig.*"), "miner.xmrig"),
)


def rule_of_name(name: str) -> str | None:
    """Return the rule that a program breaks whatever its arguments are.

    >>> rule_of_name("sudo"), rule_of_name("mkfs.ext4"), rule_of_name("rm")
    ('privilege.sudo', 'destructive.mkfs', None)
    """
    if rule := BY_NAME.get(name):
        return rule
    return next((rule for form, rule in _FAMILIES if form.fullmatch(name)), None)
