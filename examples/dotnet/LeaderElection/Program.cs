// Three candidates, one leader at a time. Whoever leads writes under his term, so that one who was deposed and does not know it yet can't.
//
//     dotnet run --project examples/dotnet/LeaderElection [ENDPOINTS [SECONDS]]
using System.Globalization;
using Clustron;

string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string election = "election:" + Guid.NewGuid().ToString("N")[..8];
using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
var terms = new List<long>();

Task[] candidates = [.. new[] { "alpha", "beta", "gamma" }.Select(name => Task.Run(() => Candidate(name)))];
await Task.WhenAll(candidates);

Console.WriteLine($"{terms.Count} terms");
if (terms.Count < 2 || !terms.SequenceEqual(terms.Order())) throw new InvalidOperationException("Terms did not rise: " + string.Join(", ", terms));
Console.WriteLine("OK");

async Task Candidate(string name)
{
    await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
    while (!stop.IsCancellationRequested)
    {
        try
        {
            // Others wait 3 s for a leader that died; one that resigns is followed at once.
            await client.Elections.RunAsync(election, name, TimeSpan.FromSeconds(3), (office, token) => Lead(client, office, token), stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
    }
}

async Task Lead(ClustronClient client, Leadership office, CancellationToken token)
{
    Console.WriteLine($"{office.Candidate} leads in term {office.Term}");
    lock (terms) terms.Add(office.Term);
    for (int i = 0; i < 10; ++i)
    {
        // Refused with FencedException, and RunAsync campaigns anew, if a later term has begun.
        await client.ExecuteAsync(office.Wrap(Command.HashSet(election + ":state", "leader", $"{office.Candidate} {i}")), RequestId.New(), token);
        await Task.Delay(100, token);
    }
}
