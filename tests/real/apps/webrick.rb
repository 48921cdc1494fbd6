# A server made with WEBrick. Arguments: the port, a file.
require 'webrick'

small = %({"name": "small", "pad": "#{'x' * 172}"})
large = "line of a body of 200 KB\n" * 8000
server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: ARGV[0].to_i, AccessLog: [],
                                 Logger: WEBrick::Log.new($stderr, WEBrick::Log::ERROR))
server.mount_proc('/small') { |_, response| response.body = small }
server.mount_proc('/large') { |_, response| response.body = large }
server.mount_proc('/fresh') { |_, response| response.status = 304 }
server.mount_proc('/moved') { |_, response| response.set_redirect(WEBrick::HTTPStatus::Found, '/small') }
server.mount_proc('/chunked') do |_, response|
  response.chunked = true
  response.body = proc { |out| 3.times { |n| out.write("piece #{n} of a body that comes in pieces, fifty bytes\n") } }
end
server.mount_proc('/file') { |_, response| response.body = File.open(ARGV[1], 'rb') }
trap('TERM') { server.shutdown }
server.start
