# refused: obfuscation.decoded 3
c=$(base64 --decode <<< c3VkbyBpZAo=)
$c
