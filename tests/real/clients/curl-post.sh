# curl -d writes head and body together by itself.
packages=curl
shape=already
client() { run curl -sSf -m 20 -d "@$apps/files/small" "$url/state[1-$exchanges]"; }
