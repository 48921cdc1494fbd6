import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** A server made with the JDK's com.sun.net.httpserver. Argument: the port. */
public class Server {
	static final byte[] SMALL = ("{\"name\": \"small\", \"pad\": \"" + "x".repeat(172) + "\"}").getBytes();
	static final byte[] LARGE = "line of a body of 200 KB\n".repeat(8000).getBytes();

	static void answer(HttpExchange exchange) throws IOException {
		exchange.getRequestBody().readAllBytes();
		switch (exchange.getRequestURI().getPath()) {
		case "/empty":
			exchange.sendResponseHeaders(204, -1);
			break;
		case "/fresh":
			exchange.getResponseHeaders().set("ETag", "\"1\"");
			exchange.sendResponseHeaders(304, -1);
			break;
		case "/moved":
			exchange.getResponseHeaders().set("Location", "/small");
			exchange.sendResponseHeaders(302, -1);
			break;
		case "/chunked":
			exchange.sendResponseHeaders(200, 0);
			inPieces(exchange, "piece %d of a body that comes in pieces, fifty bytes\n", 3, 0);
			break;
		case "/stream":
			exchange.sendResponseHeaders(200, 0);
			inPieces(exchange, "piece %d of a body that comes in pieces, fifty bytes\n", 3, 100);
			break;
		case "/large":
			exchange.sendResponseHeaders(200, LARGE.length);
			exchange.getResponseBody().write(LARGE);
			break;
		case "/events":
			exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
			exchange.sendResponseHeaders(200, 0);
			inPieces(exchange, "data: %d\n\n", 2, 100);
			break;
		default:
			exchange.getResponseHeaders().set("Content-Type", "application/json");
			if (exchange.getRequestMethod().equals("HEAD")) {
				exchange.sendResponseHeaders(200, -1);
			} else {
				exchange.sendResponseHeaders(200, SMALL.length);
				exchange.getResponseBody().write(SMALL);
			}
		}
		exchange.close();
	}

	static void inPieces(HttpExchange exchange, String piece, int count, int pause) throws IOException {
		for (int n = 0; n < count; n++) {
			exchange.getResponseBody().write(String.format(piece, n).getBytes());
			exchange.getResponseBody().flush();
			try {
				Thread.sleep(pause);
			} catch (InterruptedException e) {
				return;
			}
		}
	}

	public static void main(String[] args) throws IOException {
		HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);

		server.createContext("/", Server::answer);
		server.setExecutor(Executors.newFixedThreadPool(4));
		server.start();
	}
}
