packages=default-jdk-headless
version() { java --version | awk 'NR == 1 { print $2 }'; }
client() { run java "$apps/Post.java" "$url/state" "$exchanges"; }
