packages=curl
# The boundary is drawn at random.
mask='s/-\{24\}[0-9a-f]\{16\}/BOUNDARY/'
client() { run curl -sSf -m 20 -F "file=@$apps/files/small" "$url/state[1-$exchanges]"; }
