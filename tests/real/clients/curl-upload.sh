# curl -T, without the Expect that would have the head wait for an answer.
packages=curl
client() { run curl -sSf -m 20 -H Expect: -T "$apps/files/small" "$url/state[1-$exchanges]"; }
