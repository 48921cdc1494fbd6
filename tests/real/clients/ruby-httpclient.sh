packages="ruby-httpclient"
runtime=Ruby
scenarios="get post large"
mask='s/^Date: .*/DATE/'
client() { run ruby "$apps/client.rb" httpclient "$scenario" "$url/state" "$count"; }
