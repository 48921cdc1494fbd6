# com.sun.net.httpserver leaves Nagle's algorithm on, so the body waits for the ACK of the head.
packages=default-jdk-headless
runtime=JVM
scenarios="small large chunked HEAD 304 redirect continue events stream"
version() { java --version | awk 'NR == 1 { print $2 }'; }
server() { java_class Server && run java -cp "$work" Server "$port"; }
