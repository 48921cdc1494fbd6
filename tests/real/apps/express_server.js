// An Express application. Arguments: the port, a file.
'use strict';
const express = require('express');
const app = express();

app.get('/small', (request, response) => response.send('x'.repeat(200)));
app.get('/json', (request, response) => response.json({ name: 'small', pad: 'x'.repeat(172) }));
app.get('/large', (request, response) => response.send('line of a body of 200 KB\n'.repeat(8000)));
app.get('/file', (request, response) => response.sendFile(process.argv[3]));
app.get('/moved', (request, response) => response.redirect('/small'));
app.listen(Number(process.argv[2]), '127.0.0.1');
