# refused: destructive.mkfs 2
/sbin/mkfs.ext4 -F /dev/sdb1
