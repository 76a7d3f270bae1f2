# Container runtime: ROOT USER:GROUP GROUPS MOUNTS PROGRAM [ARGUMENT...]. MOUNTS are lines of FROM TO ro|rw.
# The root is read-only, only the mounts are visible, and privileges cannot grow. Needs a mount namespace.
set -eu
root=$1 user=$2 groups=$3 mounts=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
for device in null zero urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
for file in hosts resolv.conf; do mount --bind "/etc/$file" "$root/etc/$file"; done
mount --rbind /proc "$root/proc"
while read -r from to how; do
  mount --bind "$from" "$root$to"
  mount -o "remount,bind,$how" "$root$to"
done <"$mounts"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$user" --groups="$groups" "$root" "$@"
