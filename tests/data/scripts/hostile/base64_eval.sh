# refused: obfuscation.decoded 2
eval "$(echo c3VkbyBpZAo= | base64 -d)"
