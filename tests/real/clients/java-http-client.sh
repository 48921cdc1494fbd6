# java.net.http.HttpClient, the JDK's newer client.
packages=default-jdk-headless
runtime=JVM
scenarios="get post large"
version() { java --version | awk 'NR == 1 { print $2 }'; }
client() { java_class HttpPost && run java -cp "$work" HttpPost "$url/state" "$count" "$scenario"; }
