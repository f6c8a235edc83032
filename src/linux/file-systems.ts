/** File systems that live in the kernel's memory: nothing is ever waited for. */
export const inMemory: ReadonlySet<string> = new Set(
  'proc sysfs tmpfs ramfs rootfs devtmpfs cgroup cgroup2 securityfs debugfs tracefs configfs bpf efivarfs pstore hugetlbfs'.split(
    ' ',
  ),
);
/** File systems on a disk of this machine. */
export const onDisk: ReadonlySet<string> = new Set(
  'ext2 ext3 ext4 xfs btrfs bcachefs f2fs jfs reiserfs zfs overlay squashfs erofs vfat exfat ntfs3 iso9660 udf'.split(
    ' ',
  ),
);
