cores=$(grep -c ^processor /proc/cpuinfo)
mem=$(awk '/MemTotal/ {print $2}' /proc/meminfo)
cat /sys/fs/cgroup/cpu.max 2> /dev/null || true
cat /proc/self/status | grep VmPeak
echo "$cores cores, $mem kB" > machine.txt
lscpu; free -g; nvidia-smi > /dev/null 2>&1 || echo "no GPU"
sysctl -n kernel.ostype
mount | grep scratch
