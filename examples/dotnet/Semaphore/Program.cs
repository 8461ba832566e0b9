// Ten workers, of whom three at a time may use something, whatever process they are in; who dies frees his permit by its time to live.
//
//     dotnet run --project examples/dotnet/Semaphore [ENDPOINTS [SECONDS]]
using System.Globalization;
using Clustron;

const int Permits = 3;
string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string name = "printers:" + Guid.NewGuid().ToString("N")[..8];
using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));

await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
int inside = 0, most = 0, jobs = 0, lost = 0;
await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(Worker)));

Console.WriteLine($"{jobs} jobs, at most {most} at once, {lost} permits lost");
if (jobs == 0 || most != Permits || lost != 0) throw new InvalidOperationException("The permits were not kept.");
Console.WriteLine("OK");

async Task Worker()
{
    while (!stop.IsCancellationRequested)
    {
        try
        {
            // First come, first served. The permit is renewed until it is disposed of.
            await using LockHandle permit = await client.Locks.AcquirePermitAsync(name, Permits, TimeSpan.FromSeconds(5), cancellation: stop.Token);
            Enter();
            // Work that takes long stops when the permit is lost.
            await Task.Delay(50, permit.LostToken);
            Interlocked.Decrement(ref inside);
            Interlocked.Increment(ref jobs);
        }
        catch (OperationCanceledException)
        {
            if (!stop.IsCancellationRequested) Interlocked.Increment(ref lost);
        }
    }
}

void Enter()
{
    int now = Interlocked.Increment(ref inside);
    int seen;
    while (now > (seen = Volatile.Read(ref most)) && Interlocked.CompareExchange(ref most, now, seen) != seen) { }
}
