# refused: secrets 3
echo "uploading"
echo "$AWS_SECRET_ACCESS_KEY" > key.txt
