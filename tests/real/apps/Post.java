import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;

/** POSTs on one kept-alive connection. Arguments: the URL, how many. */
public class Post {
	public static void main(String[] args) throws IOException {
		byte[] body = ("{\"on\": true, \"pad\": \"" + "x".repeat(177) + "\"}").getBytes();

		for (int n = Integer.parseInt(args[1]); n > 0; n--) {
			HttpURLConnection connection = (HttpURLConnection)new URL(args[0]).openConnection();

			connection.setRequestMethod("POST");
			connection.setDoOutput(true);
			connection.getOutputStream().write(body);
			connection.getInputStream().readAllBytes();
		}
	}
}
