using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Clustron.Testing;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <param name="Name">As it is named on the command line.</param>
/// <param name="Protocol">Of every connection.</param>
/// <param name="HighIntegrity">StackExchange.Redis checks behind each command that the reply is its own.</param>
internal sealed record PassKind(string Name, RedisProtocol Protocol, bool HighIntegrity)
{
    public static readonly PassKind[] All = [new("resp2", RedisProtocol.Resp2, false), new("resp3", RedisProtocol.Resp3, false), new("resp3-integrity", RedisProtocol.Resp3, true)];
}

/// <summary>A cluster of three nodes, and the one multiplexer over which all scenarios run at once. Thread-safe.</summary>
internal sealed class Pass : IAsyncDisposable
{
    private readonly CancellationTokenSource _over = new();
    private readonly ConcurrentQueue<(ConnectionFailureType Type, string Text)> _failures = new();

    private Pass(PassKind kind, ClustronServer server, ConnectionMultiplexer multiplexer)
    {
        (Kind, Server, Multiplexer) = (kind, server, multiplexer);
        multiplexer.ConnectionFailed += (_, e) => _failures.Enqueue((e.FailureType, $"{e.FailureType} {e.ConnectionType} {e.EndPoint}: {e.Exception?.Message}"));
        Caller = new Caller(multiplexer);
        Client = new ClustronClient(multiplexer, new ClustronOptions { RetryFor = TimeSpan.FromSeconds(60) });
    }

    public PassKind Kind { get; }
    public ClustronServer Server { get; }
    public ConnectionMultiplexer Multiplexer { get; }
    public Caller Caller { get; }
    public ClustronClient Client { get; }

    /// <summary>The load ends.</summary>
    public CancellationToken Over => _over.Token;

    /// <summary>How connections of the multiplexer ended.</summary>
    public IReadOnlyCollection<(ConnectionFailureType Type, string Text)> Failures => _failures;

    /// <summary>How often each port's node was killed.</summary>
    public ConcurrentDictionary<int, int> Kills { get; } = new();

    public static async Task<Pass> StartAsync(PassKind kind)
    {
        ClustronServer server = await ClustronServer.StartAsync(new ClustronServerOptions { Nodes = 3, StartTimeout = Check.Patience });
        var pass = new Pass(kind, server, await ConnectionMultiplexer.ConnectAsync(Options(kind, server.Configuration)));
        await Check.UntilAsync(() => pass.Multiplexer.GetServers().Count(s => s.IsConnected) == 3, "a connection to each node");
        return pass;
    }

    /// <summary>As a service would name them.</summary>
    public static ConfigurationOptions Options(PassKind kind, string nodes)
    {
        ConfigurationOptions options = ConfigurationOptions.Parse(nodes);
        options.Protocol = kind.Protocol;
        options.HighIntegrity = kind.HighIntegrity;
        options.AbortOnConnectFail = false;
        return options;
    }

    public void End() => _over.Cancel();

    /// <summary>kill -9; what is at work goes on; it is started again.</summary>
    public async Task KillAndRestartAsync(ClustronNode node, IReadOnlyCollection<Running> running)
    {
        Kills.AddOrUpdate(node.Port, 1, (_, n) => n + 1);
        node.Kill();
        await ProgressAsync(running);
        node.Start();
        await Server.WaitReadyAsync();
        await ProgressAsync(running);
    }

    public ClustronNode NodeOf(EndPoint endpoint) => Server.Nodes.Single(n => n.Port == ((IPEndPoint)endpoint).Port);

    /// <summary>Each scenario that still runs has come round as often as it wants to.</summary>
    private static async Task ProgressAsync(IReadOnlyCollection<Running> running)
    {
        Running[] open = [.. running.Where(r => !r.Task.IsCompleted)];
        long[] goals = [.. open.Select(r => r.Scenario.Steps + r.Scenario.StepsBehindAKill)];
        for (long began = Stopwatch.GetTimestamp();; await Task.Delay(20))
        {
            Running[] late = [.. open.Where((r, i) => !r.Task.IsCompleted && r.Scenario.Steps < goals[i])];
            if (late.Length == 0) return;
            Check.That(Stopwatch.GetElapsedTime(began) < Check.Patience, "these stand still behind a kill: " + string.Join(", ", late.Select(r => r.Scenario.Title)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await Multiplexer.DisposeAsync();
        await Server.DisposeAsync();
        _over.Dispose();
    }
}

/// <summary>A scenario, and the task that says what it has done.</summary>
internal sealed record Running(Scenario Scenario, Task<string> Task);
