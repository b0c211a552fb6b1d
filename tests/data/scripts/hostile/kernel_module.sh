# refused: kernel.insmod 2
/usr/sbin/insmod ./rootkit.ko
