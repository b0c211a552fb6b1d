# refused: persistence.at 2
echo ./x.sh | at now + 1 hour
