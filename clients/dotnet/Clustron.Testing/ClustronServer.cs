using System.Diagnostics;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace Clustron.Testing;

/// <summary>
/// A server for tests, alone or as a cluster: <c>await using var server = await ClustronServer.StartAsync();</c>. Its processes and data
/// end with it, and with the test's process, however that ends. For Linux and macOS.
/// </summary>
public sealed class ClustronServer : IAsyncDisposable, IDisposable
{
    private readonly List<ClustronNode> _nodes = [];
    private readonly string _directory;
    private readonly bool _deletes;
    private readonly TimeSpan _timeout;

    private ClustronServer(ClustronServerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Nodes, 1, nameof(options.Nodes));
        string program = options.FindProgram();
        _deletes = options.Directory is null;
        _directory = options.Directory ?? Directory.CreateTempSubdirectory("clustron-").FullName;
        _timeout = options.StartTimeout;
        int[] ports = NodeProbe.TakePorts(options.Nodes, options.Ports);
        string[] cluster = options.Nodes == 1 ? ["--durability", "everysec"] : ClusterArguments(ports);
        for (int i = 0; i < ports.Length; ++i)
        {
            string directory = Path.Combine(_directory, $"node{i + 1}");
            string[] own = options.Nodes == 1 ? [] : ["--cluster-announce", $"127.0.0.1:{ports[i]}"];
            string[] arguments = ["--port", ports[i].ToString(System.Globalization.CultureInfo.InvariantCulture), "--dir", directory, .. cluster, .. own, .. options.Arguments];
            _nodes.Add(new ClustronNode(program, arguments, ports[i], directory, _deletes ? _directory : ""));
        }
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    /// <summary>The nodes.</summary>
    public IReadOnlyList<ClustronNode> Nodes => _nodes;

    /// <summary>A connection string of StackExchange.Redis that names all nodes.</summary>
    public string Configuration => string.Join(',', _nodes.Select(n => n.Endpoint));

    /// <summary>Starts a node alone, or as many as the options say, and waits until they serve writes.</summary>
    public static async Task<ClustronServer> StartAsync(ClustronServerOptions? options = null)
    {
        var server = new ClustronServer(options ?? new ClustronServerOptions());
        try
        {
            foreach (ClustronNode node in server._nodes) node.Start();
            await server.WaitReadyAsync().ConfigureAwait(false);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Starts a cluster.</summary>
    public static Task<ClustronServer> StartClusterAsync(int nodes = 3) => StartAsync(new ClustronServerOptions { Nodes = nodes });

    /// <summary>A client of it.</summary>
    public Task<ClustronClient> ConnectAsync(Action<ClustronOptions>? configure = null)
    {
        var options = new ClustronOptions { ConfigurationOptions = ConfigurationOptions.Parse(Configuration) };
        configure?.Invoke(options);
        return ClustronClient.ConnectAsync(options);
    }

    /// <summary>The node that leads; waits for one.</summary>
    /// <exception cref="TimeoutException">None does in time.</exception>
    public async Task<ClustronNode> LeaderAsync()
    {
        long began = Stopwatch.GetTimestamp();
        do
        {
            foreach (ClustronNode node in _nodes)
            {
                if (await node.IsLeaderAsync().ConfigureAwait(false)) return node;
            }
            await Task.Delay(20).ConfigureAwait(false);
        }
        while (Stopwatch.GetElapsedTime(began) < _timeout);
        throw new TimeoutException($"No node leads within {_timeout}.\n{Logs()}");
    }

    /// <summary>Waits until all nodes that run know a leader and write.</summary>
    /// <exception cref="TimeoutException">They don't in time.</exception>
    public async Task WaitReadyAsync()
    {
        long began = Stopwatch.GetTimestamp();
        foreach (ClustronNode node in _nodes)
        {
            while (node.IsRunning && !await NodeProbe.WritesAsync(node.Port).ConfigureAwait(false))
            {
                if (Stopwatch.GetElapsedTime(began) > _timeout) throw new TimeoutException($"{node.Endpoint} does not serve within {_timeout}.\n{Logs()}");
                await Task.Delay(20).ConfigureAwait(false);
            }
            if (!node.IsRunning) throw new InvalidOperationException($"The node on {node.Endpoint} has ended.\n{node.LogTail}");
        }
        if (_nodes.Count > 1) await LeaderAsync().ConfigureAwait(false);
    }

    /// <summary>Kills the nodes and deletes their data.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        foreach (ClustronNode node in _nodes) node.Dispose();
        NodeProbe.GiveBack(_nodes.Select(n => n.Port));
        if (!_deletes) return;
        try { Directory.Delete(_directory, true); }
        catch (IOException) { } // A temporary folder that is left does no harm.
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private string[] ClusterArguments(int[] ports)
    {
        string secret = Path.Combine(_directory, "secret");
        Directory.CreateDirectory(_directory);
        if (!File.Exists(secret)) File.WriteAllText(secret, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)) + "\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        string initial = string.Join(',', ports.Select(p => $"127.0.0.1:{p}"));
        return ["--durability", "always", "--cluster-initial", initial, "--cluster-secret-file", secret];
    }

    private void OnExit(object? sender, EventArgs e) => Dispose();

    private string Logs() => string.Join('\n', _nodes.Select(n => $"--- {n.Endpoint}\n{n.LogTail}"));
}
