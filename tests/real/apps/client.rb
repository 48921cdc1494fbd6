# Sends requests on one kept-alive connection. Arguments: the library, the scenario, the URL, how many.
library, scenario, url, count = ARGV
body = 'x' * (scenario == 'large' ? 200_000 : 200)
PIECES = (0..2).map { |n| "piece #{n} of a body that comes in pieces, fifty bytes\n" }

# A body that is read in pieces.
class Pieces
  def initialize
    @rest = PIECES.dup
  end

  def read(_size = nil, buffer = +'')
    piece = @rest.shift or return nil
    buffer.replace(piece)
  end
end

case library
when 'net_http'
  require 'net/http'
  uri = URI(url)
  Net::HTTP.start(uri.host, uri.port) do |http|
    count.to_i.times do
      request = (scenario == 'get' ? Net::HTTP::Get : Net::HTTP::Post).new(uri)
      case scenario
      when 'get' then nil
      when 'chunked'
        request['Transfer-Encoding'] = 'chunked'
        request.body_stream = Pieces.new
      when 'form' then request.set_form([['file', body, { filename: 'small' }]], 'multipart/form-data')
      else request.body = body
      end
      http.request(request).value
    end
  end
when 'httpclient'
  require 'httpclient'
  client = HTTPClient.new
  count.to_i.times { scenario == 'get' ? client.get(url) : client.post(url, body) }
end
