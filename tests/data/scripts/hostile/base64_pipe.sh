# refused: obfuscation.decoded 2
echo c3VkbyBpZAo= | base64 -d | bash
