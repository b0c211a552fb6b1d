# refused: kernel.setting 2
echo 1 > /proc/sys/vm/drop_caches
