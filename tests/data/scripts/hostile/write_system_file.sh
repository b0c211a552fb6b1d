# refused: destructive.system 2
echo "127.0.0.1 portal" | tee -a /etc/hosts
