# com.sun.net.httpserver: Nagle on, so that the body waits for the ACK of the head.
packages=default-jdk-headless
version() { java --version | awk 'NR == 1 { print $2 }'; }
server() { run java "$apps/Server.java" "$port"; }
