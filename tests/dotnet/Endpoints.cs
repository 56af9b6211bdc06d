// SPDX-License-Identifier: MIT
// What both web applications answer. Plain text; a failure is status 500 with
// "ExceptionType: message" and one more such line for each inner exception.
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

static class Endpoints
{
    public const string Purpose = "cookie";

    public static void MapPayloads(this WebApplication app)
    {
        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
            }
            catch (Exception e)
            {
                context.Response.StatusCode = 500;
                context.Response.ContentType = "text/plain; charset=utf-8";
                for (Exception? x = e; x != null; x = x.InnerException)
                    await context.Response.WriteAsync($"{x.GetType().Name}: {x.Message}\n");
            }
        });
        app.MapGet("/live", () => "ok\n");
        app.MapGet("/protect", (string? text, IDataProtectionProvider provider) =>
            provider.CreateProtector(Purpose).Protect(text!) + "\n");
        app.MapGet("/unprotect", (string? payload, IDataProtectionProvider provider) =>
            provider.CreateProtector(Purpose).Unprotect(payload!) + "\n");

        // With port 0 the kernel chooses; tests read the choice from this line,
        // which no logging configuration can take away.
        app.Lifetime.ApplicationStarted.Register(() =>
        {
            var server = app.Services.GetRequiredService<IServer>();
            foreach (string url in server.Features.Get<IServerAddressesFeature>()!.Addresses)
                Console.WriteLine($"listening {url}");
        });
    }
}
