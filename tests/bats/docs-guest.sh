#!/bin/bash
# SPDX-License-Identifier: MIT
# Becomes the init of a guest: docs-guest.sh PLACE OUT CGROUP SOURCE, called by
# docs-lib.bash in new pid, mount, uts and ipc namespaces. What the guest writes
# is gone with it, but for what it writes to /guest, which is OUT.
set -eu
place=$1 out=$2 cgroup=$3 source=$4

echo $$ >"$cgroup/cgroup.procs"

overlay() {
	mkdir -p "$place/$3/u" "$place/$3/w"
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$place/$3/u,workdir=$place/$3/w" "$2"
}

mount -t tmpfs tmpfs "$place"
root=$place/root
mkdir "$root"
overlay / "$root" top
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
# the source may be a mount of its own, which the overlay of / does not show
if [ ! -e "$root$source/Makefile" ]; then
	mkdir -p "$root$source"
	overlay "$source" "$root$source" source
fi
# nothing of a usual boot: it would set up the kernel and the devices, which are this machine's
rm -rf "$root"/etc/systemd/system/*.{wants,requires} "$root"/lib/systemd/system/*.wants
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
cp "$out/dpk-guest.service" "$root/etc/systemd/system/"
if [ -e "$out/sanitizer.conf" ]; then
	mkdir "$root/etc/systemd/system/dpkeyfs@.service.d"
	cp "$out/sanitizer.conf" "$root/etc/systemd/system/dpkeyfs@.service.d/"
fi
mkdir -p "$root/guest" "$root/mnt"
mount --bind "$out" "$root/guest"
cd "$root"
pivot_root . mnt
cd /
umount -l /mnt
mount --make-rshared /
export container=other
exec unshare --cgroup bash -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
	exec /lib/systemd/systemd --unit=dpk-guest.service --log-level=notice --log-target=console \
		--show-status=no'
