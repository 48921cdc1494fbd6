import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;

/** Sends POSTs by HttpURLConnection on one kept-alive connection. Arguments: the URL, how many, how. */
public class Post {
	public static void main(String[] args) throws IOException {
		int size = args[2].equals("large") ? 200000 : 177;
		byte[] body = ("{\"on\": true, \"pad\": \"" + "x".repeat(size) + "\"}").getBytes();

		for (int n = Integer.parseInt(args[1]); n > 0; n--) {
			HttpURLConnection connection = (HttpURLConnection)new URL(args[0]).openConnection();

			if (!args[2].equals("get")) {
				connection.setRequestMethod("POST");
				connection.setDoOutput(true);
			}
			if (args[2].equals("fixed"))
				connection.setFixedLengthStreamingMode(body.length);
			if (args[2].equals("chunked"))
				connection.setChunkedStreamingMode(0);
			if (!args[2].equals("get")) {
				connection.getOutputStream().write(body);
				connection.getOutputStream().close();
			}
			connection.getInputStream().readAllBytes();
		}
	}
}
