"""xmlrpc.server. The requests of the tests are not XML-RPC calls, so it answers with faults. Argument: the port."""
import sys
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

SimpleXMLRPCRequestHandler.protocol_version = "HTTP/1.1"
SimpleXMLRPCServer(("127.0.0.1", int(sys.argv[1])), logRequests=False).serve_forever()
