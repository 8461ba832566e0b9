// An HTTP service whose payments happen once, however often a client sends them, to whichever of two servers: the Idempotency-Key of the
// request is the request id of the write. Clients lose every third answer, and send again.
//
//     dotnet run --project examples/dotnet/ExactlyOnceHttp [ENDPOINTS [SECONDS]]
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Clustron;

string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string account = "account:" + Guid.NewGuid().ToString("N")[..8];

Service[] services = [await Service.StartAsync(endpoints, account), await Service.StartAsync(endpoints, account)];
long began = Stopwatch.GetTimestamp();
int paid = 0, sent = 0;
await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PayAsync()));

await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
long balance = await client.Counters.GetAsync(account) ?? 0;
foreach (Service service in services) await service.DisposeAsync();
Console.WriteLine($"{paid} payments, sent {sent} times, balance {balance}");
if (paid == 0 || sent <= paid || balance != paid * 5) throw new InvalidOperationException("A payment was lost, or happened twice.");
Console.WriteLine("OK");

async Task PayAsync()
{
    using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(15) };
    while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
    {
        string key = Guid.NewGuid().ToString("N"), first = "";
        for (int attempt = 0; ; ++attempt)
        {
            int number = Interlocked.Increment(ref sent);
            using var request = new HttpRequestMessage(HttpMethod.Post, services[number % 2].Address + "pay?amount=5") { Headers = { { "Idempotency-Key", key } } };
            using HttpResponseMessage response = await http.SendAsync(request);
            string body = await response.Content.ReadAsStringAsync();
            if (response.StatusCode != HttpStatusCode.OK) continue; // 503: not known, so it is sent again
            if (first.Length > 0 && first != body) throw new InvalidOperationException($"The second answer is '{body}', the first was '{first}'.");
            first = body;
            if (number % 3 != 0 || attempt > 3) break; // else the answer is "lost"
        }
        Interlocked.Increment(ref paid);
    }
}

internal sealed class Service : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ClustronClient _client;
    private readonly string _account;
    private readonly Task _run;

    private Service(ClustronClient client, string account)
    {
        (_client, _account) = (client, account);
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Address = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/";
        }
        _listener.Prefixes.Add(Address);
        _listener.Start();
        _run = Task.Run(RunAsync);
    }

    public string Address { get; }

    public static async Task<Service> StartAsync(string endpoints, string account) => new(await ClustronClient.ConnectAsync(endpoints), account);

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _run;
        await _client.DisposeAsync();
    }

    private async Task RunAsync()
    {
        try
        {
            for (;;) _ = HandleAsync(await _listener.GetContextAsync());
        }
        catch (Exception error) when (error is HttpListenerException or ObjectDisposedException) { } // It is closed.
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        using HttpListenerResponse response = context.Response;
        string? key = context.Request.Headers["Idempotency-Key"];
        if (string.IsNullOrEmpty(key) || !long.TryParse(context.Request.QueryString["amount"], out long amount))
        {
            response.StatusCode = 400;
            return;
        }
        try
        {
            // A repeat, in a minute or an hour, here or at the other server, gets the first one's answer.
            var request = new RequestId("pay/" + key, TimeSpan.FromHours(1));
            long balance = (long)await _client.Once.ExecuteAsync(Command.Increment(_account, amount), request);
            await response.OutputStream.WriteAsync(System.Text.Encoding.UTF8.GetBytes($"balance {balance}"));
        }
        catch (Exception error) when (error is UncertainException or UnavailableException)
        {
            response.StatusCode = 503; // Send it again, with the same key.
        }
    }
}
