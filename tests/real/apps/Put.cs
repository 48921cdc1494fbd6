// Put URL COUNT SCENARIO: uploads of 200 bytes: "pieces" in five writes, "continue" behind a 100 Continue.
using System;
using System.Net;

static class Put
{
	static void Main(string[] args)
	{
		var body = new byte[200];
		int piece = args[2].EndsWith("pieces") ? 40 : body.Length;

		for (int i = 0; i < body.Length; i++)
			body[i] = (byte)('a' + i % 26);
		for (int n = int.Parse(args[1]); n > 0; n--) {
			var request = (HttpWebRequest)WebRequest.Create(args[0]);

			request.Method = "PUT";
			request.ContentLength = body.Length;
			request.AllowWriteStreamBuffering = false;
			request.ServicePoint.Expect100Continue = args[2].StartsWith("continue");
			using (var to = request.GetRequestStream())
				for (int at = 0; at < body.Length; at += piece)
					to.Write(body, at, piece);
			request.GetResponse().Close();
		}
	}
}
