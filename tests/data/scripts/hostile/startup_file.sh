# refused: persistence.startup-file 2
echo 'alias ls=/tmp/x' >> ~/.bashrc
