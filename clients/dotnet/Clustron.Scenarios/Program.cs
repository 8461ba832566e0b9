// The acceptance scenarios on real processes: three nodes, one ConnectionMultiplexer for all scenarios at once, the leader killed in the middle
// and started again, then the node that a watcher is subscribed at.
//
//     Clustron.Scenarios resp2|resp3|resp3-integrity [NUMBER …]
//
// One line a scenario; the last one is "N passed, N failed".
using System.Diagnostics;
using System.Globalization;
using Clustron.Scenarios;
using Clustron.Testing;

if (args.Length == 0 || PassKind.All.FirstOrDefault(k => k.Name == args[0]) is not { } kind)
{
    Console.Error.WriteLine($"usage: Clustron.Scenarios {string.Join('|', PassKind.All.Select(k => k.Name))} [NUMBER …]");
    return 2;
}
HashSet<int> chosen = [.. args.Skip(1).Select(a => int.Parse(a, CultureInfo.InvariantCulture))];
long began = Stopwatch.GetTimestamp();
await using Pass pass = await Pass.StartAsync(kind);
Scenario[] all =
[
    new Samples(pass), new LeaseSelfTest(pass), new PausedHolder(pass), new WatchOverNodes(pass), new Transfers(pass), new SlowSubscriber(pass),
    new OwnReplies(pass), new Caches(pass), new IndexPages(pass),
];
Scenario[] scenarios = [.. all.Where(s => chosen.Count == 0 || chosen.Contains(s.Number))];
// The history of changes begins with its first use.
await pass.Client.Watch.RevisionAsync();
Running[] running = [.. scenarios.Select(s => new Running(s, Task.Run(s.RunAsync)))];
string course = await CourseAsync();
int failed = 0;
foreach (Running r in running)
{
    string told;
    try { told = "OK, " + await r.Task.WaitAsync(Check.Patience); }
    catch (Exception error)
    {
        ++failed;
        told = $"FAILED\n{error}";
    }
    Console.WriteLine($"{kind.Name} {r.Scenario.Number,2} {r.Scenario.Title}: {told}");
}
if (course.Length > 0)
{
    ++failed;
    Console.WriteLine($"{kind.Name} FAILED {course}");
}
Console.WriteLine($"{kind.Name}: {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s, {pass.Caller.Repeats} commands were sent again");
Console.WriteLine($"{running.Length + (course.Length > 0 ? 1 : 0) - failed} passed, {failed} failed");
return failed == 0 ? 0 : 1;

// What happens while they run; an error's text if something never happened.
async Task<string> CourseAsync()
{
    try
    {
        foreach (Running r in running) await Task.WhenAny(r.Task, r.Scenario.Begun).WaitAsync(Check.Patience);
        ClustronNode leader = await pass.Server.LeaderAsync();
        foreach (Running r in running.Where(r => !r.Task.IsCompleted)) await r.Scenario.BeforeKillAsync();
        await pass.KillAndRestartAsync(leader, running);
        foreach (WatchOverNodes watch in scenarios.OfType<WatchOverNodes>()) await pass.KillAndRestartAsync(await watch.NodeToKillAsync(), running);
        return "";
    }
    catch (Exception error)
    {
        return error.ToString();
    }
    finally
    {
        pass.End();
    }
}
