import { app } from '@azure/functions';

// without it a chunked body arrives empty, and .NET's clients send JSON chunked
app.setup({ enableHttpStream: true });
