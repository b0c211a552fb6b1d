# refused: destructive.root 4
set -e
echo "cleaning up"
rm -rf /
