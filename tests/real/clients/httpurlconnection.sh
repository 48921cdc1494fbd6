packages=default-jdk-headless
runtime=JVM
scenarios="get post large fixed chunked"
version() { java --version | awk 'NR == 1 { print $2 }'; }
client() { java_class Post && run java -cp "$work" Post "$url/state" "$count" "$scenario"; }
