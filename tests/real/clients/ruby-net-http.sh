packages="ruby"
runtime=Ruby
scenarios="get post large chunked form"
mask='s/-*RubyMultipartPost[-0-9A-Za-z_]*/BOUNDARY/; s/boundary=.*/BOUNDARY/; s/^--[-_0-9A-Za-z]\{20,\}/BOUNDARY/'
client() { run ruby "$apps/client.rb" net_http "$scenario" "$url/state" "$count"; }
