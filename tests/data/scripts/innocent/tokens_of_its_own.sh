TOKEN=$(uuidgen)
echo "$TOKEN" > token.txt
PASSWORD_LENGTH=12
SECRET=42; echo $SECRET
printf '%s\n' "$TOKENIZERS_PARALLELISM"
service_name=docking; at=3; su=1; mount=2
echo "$service_name $at $su $mount"
