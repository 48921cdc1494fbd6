# R's own server of help pages, with two pages: /custom/small and /custom/large.
options(help.ports = as.integer(Sys.getenv("PORT")))
page <- function(size) function(path, query, ...) list(payload = strrep("x", size), "content-type" = "text/plain")
handlers <- tools:::.httpd.handlers.env
assign("small", page(200), handlers)
assign("large", page(200000), handlers)
tools::startDynamicHelp(TRUE)
Sys.sleep(1e6)
