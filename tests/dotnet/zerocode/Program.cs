// SPDX-License-Identifier: MIT
// An application that knows nothing of key rings or certificates: both come
// from its environment. The name is set because it is part of every payload.
using Microsoft.AspNetCore.DataProtection;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddDataProtection().SetApplicationName("shop");

var app = builder.Build();
app.MapPayloads();
app.Run();
