import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Sends requests by java.net.http on one kept-alive connection. Arguments: the URL, how many, how. */
public class HttpPost {
	public static void main(String[] args) throws Exception {
		String body = "x".repeat(args[2].equals("large") ? 200000 : 200);
		HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
		HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(args[0]));

		if (!args[2].equals("get"))
			request.POST(HttpRequest.BodyPublishers.ofString(body));
		for (int n = Integer.parseInt(args[1]); n > 0; n--)
			client.send(request.build(), HttpResponse.BodyHandlers.ofString());
		System.exit(0);
	}
}
