# A Rack application.
SMALL = %({"name": "small", "pad": "#{'x' * 172}"}).freeze
LARGE = ("line of a body of 200 KB\n" * 8000).freeze

# A body that is sent in pieces.
class Pieces
  def initialize(text, count, pause)
    @text, @count, @pause = text, count, pause
  end

  def each
    @count.times do |n|
      yield format(@text, n)
      sleep @pause if @pause > 0
    end
  end
end

PIECE = "piece %d of a body that comes in pieces, fifty bytes\n".freeze

run(lambda do |env|
  env['rack.input'].read
  case env['PATH_INFO']
  when '/fresh' then [304, { 'ETag' => '"1"' }, []]
  when '/moved' then [302, { 'Location' => '/small', 'Content-Length' => '0' }, []]
  when '/chunked' then [200, { 'Content-Type' => 'text/plain' }, Pieces.new(PIECE, 3, 0)]
  when '/stream' then [200, { 'Content-Type' => 'text/plain' }, Pieces.new(PIECE, 3, 0.1)]
  when '/events' then [200, { 'Content-Type' => 'text/event-stream' }, Pieces.new("data: %d\n\n", 2, 0.1)]
  when '/file' then [200, { 'Content-Length' => File.size(ENV['FILE']).to_s }, File.open(ENV['FILE'], 'rb')]
  else
    body = env['PATH_INFO'] == '/large' ? LARGE : SMALL
    [200, { 'Content-Length' => body.bytesize.to_s }, env['REQUEST_METHOD'] == 'HEAD' ? [] : [body]]
  end
end)
