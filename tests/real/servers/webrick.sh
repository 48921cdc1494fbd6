packages=ruby-webrick
runtime=Ruby
scenarios="small large chunked file HEAD 304 redirect"
server() { run ruby "$apps/webrick.rb" "$port" "$files/small"; }
